// What a put that failed does about what it left.

/** Told of what went wrong beside what a call rejects with. */
export type OnBlobError = (error: unknown, message: string) => void;

/** Waits for `work`; when it fails, cleans up, and whatever comes of that, rejects with the first failure. */
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
