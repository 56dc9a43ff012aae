package aegis.egress_test

import rego.v1

manifest := {"net": {"domains": ["api.example.com", "*.example.org", "192.0.2.7"]}}

call(hosts) := {
	"event": {"type": "TOOL_CALL_PROPOSED"},
	"call": {"effects": ["net"], "hosts": hosts, "problems": []},
}

name(host) := {"host": host, "kind": "name", "port": 443, "scheme": "https", "plain": true, "where": "/args/url"}

service(scheme, host) := {"host": host, "kind": "name", "port": 0, "scheme": scheme, "plain": false, "where": "/args/url"}

address(host) := {"host": host, "kind": "ipv4", "port": 443, "scheme": "https", "plain": true, "where": "/args/url"}

test_a_listed_name_is_fine if {
	data.aegis.egress.fine with input as call([name("api.example.com")])
		with data.manifest as manifest
}

test_the_parent_of_a_listed_name_is_not if {
	not data.aegis.egress.fine with input as call([name("example.com")]) with data.manifest as manifest
}

test_a_wildcard_covers_every_name_below if {
	data.aegis.egress.fine with input as call([name("a.b.example.org")]) with data.manifest as manifest
}

test_a_wildcard_does_not_cover_its_own_domain if {
	not data.aegis.egress.fine with input as call([name("example.org")]) with data.manifest as manifest
}

test_a_wildcard_does_not_cover_a_longer_label if {
	not data.aegis.egress.fine with input as call([name("evilexample.org")])
		with data.manifest as manifest
}

test_one_host_outside_the_list_is_enough if {
	some reason in data.aegis.egress.deny with input as call([name("api.example.com"), name("evil.example")])
		with data.manifest as manifest
	reason.data.host == "evil.example"
}

test_an_address_is_listed_as_it_stands if {
	data.aegis.egress.fine with input as call([address("192.0.2.7")]) with data.manifest as manifest
}

test_a_star_is_every_name_and_no_address if {
	not data.aegis.egress.fine with input as call([address("192.0.2.8")])
		with data.manifest as {"net": {"domains": ["*"]}}
}

test_an_entry_of_a_scheme_allows_that_scheme_at_that_host if {
	data.aegis.egress.fine with input as call([service("redis", "cache.internal")])
		with data.manifest as {"net": {"domains": ["redis://cache.internal"]}}
}

test_an_entry_of_a_scheme_allows_no_other_scheme_there if {
	reasons := data.aegis.egress.deny with data.manifest as {"net": {"domains": ["redis://cache.internal"]}}
		with input as call([name("cache.internal"), service("amqp", "cache.internal")])
	{reason.rule | some reason in reasons} == {"aegis.egress.host", "aegis.egress.scheme"}
}

test_an_entry_of_a_host_allows_no_services_url_there if {
	reasons := data.aegis.egress.deny with data.manifest as {"net": {"domains": ["cache.internal", "*"]}}
		with input as call([service("redis", "cache.internal")])
	{reason.data.entry | some reason in reasons} == {"redis://cache.internal"}
}

test_a_network_tool_without_a_host_is_denied if {
	some reason in data.aegis.egress.deny with input as call([]) with data.manifest as manifest
	reason.rule == "aegis.egress.no_host"
}

test_a_tool_without_the_network_is_fine if {
	data.aegis.egress.fine with input as {"event": {"type": "TOOL_CALL_PROPOSED"}, "call": {"effects": ["read"]}}
}

test_a_problem_with_a_path_is_none_of_a_host if {
	data.aegis.egress.fine with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {
				"effects": ["net"],
				"hosts": [name("api.example.com")],
				"problems": [{"target": "path", "code": "encoded_separator", "where": "/args/path"}],
			},
		}
}

test_a_problem_with_a_host_is_a_reason if {
	reasons := data.aegis.egress.deny with data.manifest as manifest
		with input as {
			"event": {"type": "TOOL_CALL_PROPOSED"},
			"call": {
				"effects": ["net"],
				"hosts": [name("api.example.com")],
				"problems": [{"target": "host", "code": "user_information", "where": "/args/url"}],
			},
		}
	{reason.rule | some reason in reasons} == {"aegis.egress.problem"}
}

test_hosts_without_a_place_are_unreadable if {
	reasons := data.aegis.egress.deny with data.manifest as manifest
		with input as call([{"host": "api.example.com", "kind": "name"}])
	{reason.rule | some reason in reasons} == {"aegis.egress.unreadable"}
}
