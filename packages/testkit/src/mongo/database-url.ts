// The URL of another database on a MongoDB server, with the hosts, user and options of the server's URL.

import { ConnectionString } from "mongodb-connection-string-url";

/** MongoDB looks up the user in the URL's database, unless authSource names another: the new database has no users. */
export function withDatabase(serverUrl: string, database: string): string {
  const url = new ConnectionString(serverUrl);
  const former = url.pathname.slice(1);
  if (url.username !== "" && former !== "" && !url.searchParams.has("authSource")) {
    url.searchParams.set("authSource", decodeURIComponent(former));
  }
  url.pathname = `/${database}`;
  return url.href;
}
