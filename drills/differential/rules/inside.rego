# Functions that look inside text. rego-cpp refuses text with escapes where a rule calls one of them.
package aegis.rules

import rego.v1

deny contains "found" if contains(input.call.args.a, "ell")

deny contains "ends" if endswith(input.call.args.a, "o")

deny contains "ends so" if strings.any_suffix_match(input.call.args.a, ["lo", "or"])

advise contains {"type": "at", "index": indexof(input.call.args.a, "l")}

advise contains {"type": "parts", "parts": split(input.call.args.a, "/")}

advise contains {"type": "times", "count": strings.count(input.call.args.a, "l")}

advise contains {"type": "piece", "text": substring(input.call.args.a, 1, 3)}

advise contains {"type": "cut", "text": trim_suffix(input.call.args.a, "o")}
