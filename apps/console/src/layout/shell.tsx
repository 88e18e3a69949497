// The parts that all pages share: the login, the bar at the top, the title, the theme.

import { useQuery } from "@tanstack/react-query";
import { Link, Outlet } from "@tanstack/react-router";
import { logOut } from "../api/actions.ts";
import { sessionQuery } from "../api/queries.ts";
import type { Session } from "../api/queries.ts";
import { endSession } from "../api/query-client.ts";
import { Action } from "../parts/action.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { LoginPage } from "../pages/login.tsx";
import { Mark } from "./shell-mark.tsx";
import { ThemeChoice } from "./theme.tsx";

const operatorPages = [
  ["/operator/workers", "Workers"],
  ["/operator/queue", "Queue"],
  ["/operator/failures", "Failures"],
  ["/operator/users", "Users"],
] as const;

export function Shell() {
  return (
    <Loaded query={useQuery(sessionQuery)}>
      {(session) => (session === null ? <LoginPage /> : <Pages session={session} />)}
    </Loaded>
  );
}

function Pages({ session }: { readonly session: Session }) {
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          // The page has a base URL, so a link with only a fragment would lead away from the page.
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          <Mark /> Slipway
        </Link>
        <nav aria-label="Main">
          <Link to="/" activeOptions={{ exact: true }}>
            Apps
          </Link>
          {session.operator
            ? operatorPages.map(([to, name]) => (
                <Link key={to} to={to}>
                  {name}
                </Link>
              ))
            : null}
        </nav>
        <span className="grow" />
        <ThemeChoice />
        <span className="user">{session.user.username}</span>
        <Action run={() => logOut().then(endSession)}>Log out</Action>
      </header>
      <main id="main" tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}
