// The URL of another database on a server of MongoDB, whatever hosts, user and options its own URL has.

import { ConnectionString } from "mongodb-connection-string-url";

/** A user is looked for in the database that the URL names, unless it says otherwise: in the new one there is none. */
export function withDatabase(serverUrl: string, database: string): string {
  const url = new ConnectionString(serverUrl);
  const former = url.pathname.slice(1);
  if (url.username !== "" && former !== "" && !url.searchParams.has("authSource")) {
    url.searchParams.set("authSource", decodeURIComponent(former));
  }
  url.pathname = `/${database}`;
  return url.href;
}
