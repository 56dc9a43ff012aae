# SESSION_TERMINATED: nothing is proposed in a session that has ended, or that may have ended.
package aegis.session

import rego.v1

fine if {
	input.snapshot.terminated == false
} else if {
	data.aegis.event.release
}

deny contains {
	"code": "SESSION_TERMINATED",
	"rule": "aegis.session.terminated",
	"where": "",
	"data": {},
}
