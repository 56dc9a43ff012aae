# The operators' package, empty: a bundle without a file of theirs is whole, and says nothing more.
package aegis.rules

import rego.v1

deny contains said if some said in []

require_approval contains said if some said in []

constrain contains said if some said in []

oblige contains said if some said in []

advise contains said if some said in []
