# Every function that is right on every string, on arguments of any shape. `sprintf` is told text and
# small numbers only: how an engine spells a fraction is its own.
package aegis.rules

import rego.v1

args := input.call.args

advise contains {"type": "types", "names": names} if {
	names := {type_name(value) | some value in [args.a, args.b, args]}
}

advise contains {"type": "leaves", "count": count(paths)} if {
	paths := [place | walk(args, [place, _])]
}

advise contains {"type": "keys", "keys": object.keys(args)} if is_object(args)

advise contains {"type": "without", "left": object.keys(object.remove(args, ["a", "b"]))} if is_object(args)

advise contains {"type": "lower", "text": lower(args.a)} if is_string(args.a)

advise contains {"type": "joined", "text": concat("/", [args.a, args.b])} if {
	is_string(args.a)
	is_string(args.b)
}

advise contains {"type": "said", "text": sprintf("%v and %v%%", [args.a, args.b])} if {
	is_string(args.a)
	is_string(args.b)
}

advise contains {"type": "rest", "text": trim_prefix(args.a, args.b)} if {
	is_string(args.a)
	is_string(args.b)
}

advise contains {"type": "begins"} if startswith(args.a, args.b)

advise contains {"type": "begins any"} if strings.any_prefix_match(args.a, [args.b, "x"])

advise contains {"type": "same"} if args.a == args.b

advise contains {"type": "inside"} if args.a in args.b

advise contains {"type": "got", "found": type_name(object.get(args, "c", 0))} if is_object(args)

advise contains {"type": "slice", "items": count(array.slice(args.b, 1, 3))} if is_array(args.b)

advise contains {"type": "concat", "items": count(array.concat(args.a, args.b))} if {
	is_array(args.a)
	is_array(args.b)
}

advise contains {"type": "sets", "both": count(left & right), "any": count(left | right), "less": count(left - right)} if {
	is_array(args.a)
	is_array(args.b)
	left := {item | some item in args.a}
	right := {item | some item in args.b}
}

advise contains {"type": "united", "count": count(union({{args.a}, {args.b}, set()}))}

advise contains {"type": "met", "count": count(intersection({{args.a}, {args.b, 1}}))}

deny contains "more than a hundred" if {
	is_number(args.a)
	args.a > 100
}

deny contains "below the other" if {
	is_number(args.a)
	is_number(args.b)
	abs(args.a) <= floor(args.b)
}

deny contains "they add up" if {
	every number in [args.a, args.b] { small(number) }
	args.a + args.b > args.a * 2
}

require_approval contains "odd" if {
	small(args.a)
	args.a % 2 == 1
}

require_approval contains "a third" if {
	small(args.a)
	args.a / 3 == floor(args.a / 3)
}

require_approval contains "text order" if {
	is_string(args.a)
	is_string(args.b)
	args.a == concat("", [args.b, ""])
}

constrain contains {"name": "timeout_ms", "value": args.a} if small(args.a)

oblige contains {"type": "echo", "value": args.b} if is_string(args.b)

small(value) if {
	is_number(value)
	floor(value) == value
	value >= 0
	value < 1000000
}
