package aegis.recipient_test

import rego.v1

manifest := {"recipients": {"to": ["ann@acme.dev", "@acme.org"], "send.cc": [], "*": ["C42"]}}

call(found) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"effects": ["message"], "recipients": [found], "problems": []},
}

mail(name, host) := {
	"recipient": concat("@", [name, host]),
	"domain": concat("", ["@", host]),
	"field": "to",
	"where": "/args/to",
}

test_a_listed_address_is_fine if {
	data.aegis.recipient.fine with input as call(mail("ann", "acme.dev")) with data.manifest as manifest
}

test_an_address_of_a_listed_domain_is_fine if {
	data.aegis.recipient.fine with input as call(mail("bob", "acme.org")) with data.manifest as manifest
}

test_the_domain_of_a_listed_address_is_not_listed if {
	not data.aegis.recipient.fine with input as call(mail("bob", "acme.dev")) with data.manifest as manifest
}

test_a_list_holds_its_own_parameter_only if {
	not data.aegis.recipient.fine with data.manifest as manifest
		with input as call(object.union(mail("ann", "acme.dev"), {"field": "send.cc"}))
}

test_a_parameter_without_a_list_reaches_nobody if {
	not data.aegis.recipient.fine with data.manifest as manifest
		with input as call(object.union(mail("ann", "acme.dev"), {"field": ""}))
}

test_a_star_is_everybody if {
	data.aegis.recipient.fine with input as call(mail("x", "evil.example"))
		with data.manifest as {"recipients": {"to": ["*"]}}
}

test_a_payment_is_held_to_the_lists if {
	not data.aegis.recipient.fine with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {"effects": ["spend"], "recipients": [mail("x", "evil.example")], "problems": []},
		}
}

test_a_tool_that_reaches_nobody_is_fine if {
	data.aegis.recipient.fine with input as {"event": {"type": "TOOL_CALL_PROPOSED"}, "call": {"effects": ["read"]}}
}

test_who_is_not_listed_is_named if {
	reasons := data.aegis.recipient.deny with input as call(mail("x", "evil.example")) with data.manifest as manifest
	reasons == {{
		"code": "RECIPIENT_DENY",
		"rule": "aegis.recipient.listed",
		"where": "/args/to",
		"data": {"recipient": "x@evil.example", "list": "to"},
	}}
}

unread := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {
		"effects": ["message"],
		"recipients": [],
		"problems": [{"target": "recipient", "code": "address", "where": "/args/to"}],
	},
}

test_a_text_that_could_not_be_read_is_a_reason if {
	reasons := data.aegis.recipient.deny with input as unread with data.manifest as manifest
	{reason.rule | some reason in reasons} == {"aegis.recipient.problem"}
}

test_a_text_that_could_not_be_read_is_not_fine if {
	not data.aegis.recipient.fine with input as unread with data.manifest as manifest
}

test_a_recipient_that_is_no_text_is_unreadable if {
	reasons := data.aegis.recipient.deny with data.manifest as manifest
		with input as call(object.union(mail("ann", "acme.dev"), {"recipient": 7}))
	{reason.rule | some reason in reasons} == {"aegis.recipient.unreadable"}
}
