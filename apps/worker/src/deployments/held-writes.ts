// Says in the log of a deployment why its push, or another write to the registry, waits.

/** The line of a log that says why a push waits. */
export const heldPush = "       Waiting: the registry's garbage is being collected, which holds up pushes";

/** The line of a log that says why the removal of an earlier copy of an image waits. */
export const heldRemoval =
  "       Waiting: the registry's garbage is being collected, which holds up the removal";

/** The line of a log that says why a deployment whose app is in service has not ended. */
export const heldAttestations =
  "       Waiting: the registry's garbage is being collected, which holds up attaching the receipt";
