// Removes passwords from the URL of a service, for messages.

/** From the user to the last "@" of the authority; the query may contain the password of Sentinels. */
const userInfo = /^([a-z+]+:\/\/)([^:@/]*)(?::[^/]*)?@/i;
const passwordInQuery = /([?&]\w*password=)[^&#]*/gi;

/** @returns the URL without its passwords. It may name several hosts, as for Sentinels. */
export function withoutPassword(url: string): string {
  const shown = url.replace(userInfo, (_, scheme: string, user: string) =>
    user === "" ? scheme : `${scheme}${user}@`,
  );
  return shown.replace(passwordInQuery, "$1…");
}
