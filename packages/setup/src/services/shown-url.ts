// Makes the URL of a service fit for messages.

/** @returns the URL without its password. */
export function withoutPassword(url: string): string {
  const shown = new URL(url);
  shown.password = "";
  return shown.href.replace("//@", "//");
}
