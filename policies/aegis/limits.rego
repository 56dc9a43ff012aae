# What the manifest makes the enforcement point hold an allowed call to.
package aegis.limits

import rego.v1

constraints := array.concat(
	[{"name": "max_output_bytes", "value": value} |
		input.event.type == "TOOL_CALL_PROPOSED"
		value := data.manifest.constraints.max_output_bytes
		value != null
	],
	[{"name": "timeout_ms", "value": value} |
		input.event.type == "TOOL_CALL_PROPOSED"
		value := data.manifest.constraints.timeout_ms
		value != null
	],
)

obligations := [{
	"type": "sandbox",
	"image": data.manifest.sandbox.image,
	"mounts": data.manifest.sandbox.mounts,
} |
	data.manifest.sandbox.required == true
	input.event.type == "TOOL_CALL_PROPOSED"
]
