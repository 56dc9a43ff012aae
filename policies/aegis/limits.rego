# What the manifest makes the enforcement point hold an allowed call to.
package aegis.limits

import rego.v1

constraints contains {"name": name, "value": value} if {
	data.aegis.event.call
	some name in ["max_output_bytes", "timeout_ms"]
	value := data.manifest.constraints[name]
	value != null
}

obligations contains {
	"type": "sandbox",
	"image": data.manifest.sandbox.image,
	"mounts": data.manifest.sandbox.mounts,
} if {
	data.aegis.event.call
	data.manifest.sandbox.required == true
}
