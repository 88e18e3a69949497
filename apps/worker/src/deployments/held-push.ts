// Says in the log of a deployment why its push waits.

/** The line of a log that says why a push waits. */
export const heldPush = "       Waiting: the registry's garbage is being collected, which holds up pushes";
