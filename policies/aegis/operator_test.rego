package aegis.operator_test

import rego.v1

test_without_rules_of_theirs_operators_are_silent if data.aegis.operator.silent

test_and_nothing_of_theirs_is_malformed if count(data.aegis.operator.deny) == 0
