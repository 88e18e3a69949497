// Cleans up after a put that failed.

/** Receives errors other than the one with which a call rejects. */
export type OnBlobError = (error: unknown, message: string) => void;

/** Awaits `work`; when it fails, cleans up and then rejects with the failure of `work`, even if the cleanup fails. */
export async function orCleanUp<Result>(
  work: Promise<Result>,
  cleanUp: (failure: unknown) => Promise<void>,
  onError: OnBlobError,
): Promise<Result> {
  try {
    return await work;
  } catch (failure) {
    await cleanUp(failure).catch((error: unknown) => onError(error, "cannot clean up after a failed upload"));
    throw failure;
  }
}
