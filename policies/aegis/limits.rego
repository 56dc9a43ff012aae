# What the manifest makes the enforcement point hold an allowed call to.
package aegis.limits

import rego.v1

constraints contains {"name": "timeout_ms", "value": value} if {
	data.aegis.event.call
	value := data.manifest.constraints.timeout_ms
	value != null
}

constraints contains {"name": "max_output_bytes", "value": value} if {
	data.aegis.event.call
	value := data.manifest.constraints.max_output_bytes
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
