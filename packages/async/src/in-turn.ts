// Runs one task for several items, one after the other.

/**
 * Calls the task with each item, one after the other. A failure does not prevent the calls for the items after it.
 * @throws the first failure, after the last call.
 */
export async function inTurn<Item>(
  items: Iterable<Item>,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      await task(item);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
