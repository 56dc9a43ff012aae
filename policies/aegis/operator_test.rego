package aegis.operator_test

import rego.v1

test_without_rules_of_theirs_operators_are_silent if data.aegis.operator.silent

test_and_nothing_of_theirs_is_malformed if count(data.aegis.operator.deny) == 0

test_a_sentence_is_a_reason if {
	data.aegis.operator.reason("POLICY_DENY", "late") == {
		"code": "POLICY_DENY",
		"rule": "aegis.rules",
		"where": "",
		"message": "late",
	}
}

test_an_object_may_name_its_rule_and_place if {
	data.aegis.operator.reason("POLICY_DENY", {"message": "late", "rule": "r", "where": "/args"}) == {
		"code": "POLICY_DENY",
		"rule": "r",
		"where": "/args",
		"message": "late",
	}
}

test_a_reason_is_a_sentence_or_an_object_with_one if {
	every said in ["late", {"message": "late"}, {"message": "late", "rule": "r", "where": "/args"}] {
		data.aegis.operator.is_reason(said)
	}
}

test_nothing_else_is_a_reason if {
	every said in [7, null, {}, {"message": 7}, {"message": "late", "rule": 7}, {"message": "late", "why": "so"}] {
		not data.aegis.operator.is_reason(said)
	}
}

test_a_constraint_is_a_name_and_a_value if {
	data.aegis.operator.is_constraint({"name": "timeout_ms", "value": 1})
}

test_nothing_else_is_a_constraint if {
	every said in ["timeout_ms", {"name": "timeout_ms"}, {"name": 7, "value": 1}, {"name": "a", "value": 1, "b": 2}] {
		not data.aegis.operator.is_constraint(said)
	}
}
