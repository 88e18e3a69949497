// The lines in a deployment's log that say why a write to the registry waits.

/** Says why a push waits. */
export const heldPush = "       Waiting: the registry's garbage is being collected, which delays pushes";

/** Says why the removal of an earlier copy of an image waits. */
export const heldRemoval =
  "       Waiting: the registry's garbage is being collected, which delays the removal";

/** Says why a deployment whose app is already in service has not ended. */
export const heldAttestations =
  "       Waiting: the registry's garbage is being collected, which delays attaching the receipt";
