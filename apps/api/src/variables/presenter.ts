// Presents variables.

import type { Variable } from "@slipway/core";
import type { VariableBody } from "@slipway/protocol";

export function presentVariable({ id, name, value, scope }: Variable): VariableBody {
  return { id, name, value, scope };
}
