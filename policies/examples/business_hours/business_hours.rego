# Agents send and spend only while somebody is at work: Monday to Friday, 9:00 to 17:00 in the
# manifest's zone.
package aegis.rules

import rego.v1

deny contains {"message": "outside business hours", "rule": "business_hours"} if {
	input.event.type == "TOOL_CALL_PROPOSED"
	some effect in input.call.effects
	effect in {"message", "spend"}
	not business_hours
}

business_hours if {
	is_number(input.time.weekday)
	is_number(input.time.minute_of_day)
	input.time.weekday <= 5
	input.time.minute_of_day >= 9 * 60
	input.time.minute_of_day < 17 * 60
}
