// The login: a user name and a password, or an API token.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { logIn } from "../api/actions.ts";
import { isStatus, messageFor } from "../api/client.ts";
import { Mark } from "../layout/shell-mark.tsx";
import { useTitle } from "../layout/title.ts";
import { formText } from "../parts/form-text.ts";

export function LoginPage() {
  useTitle("Log in");
  const queries = useQueryClient();
  const [by, setBy] = useState<"password" | "token">("password");
  const login = useMutation({
    mutationFn: (form: HTMLFormElement) => {
      const text = (name: string) => formText(form, name).trim();
      return logIn(
        by === "token"
          ? { token: text("token") }
          : { name: text("name"), password: formText(form, "password") },
      );
    },
    onSuccess: (session) => queries.setQueryData(["session"], session),
  });
  return (
    <main className="login">
      <h1>
        <Mark /> Slipway
      </h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate(event.currentTarget);
        }}
      >
        <div className="choice" role="group" aria-label="Log in with">
          <button type="button" aria-pressed={by === "password"} onClick={() => setBy("password")}>
            Password
          </button>
          <button type="button" aria-pressed={by === "token"} onClick={() => setBy("token")}>
            API token
          </button>
        </div>
        <Fields by={by} />
        <button type="submit" className="primary" disabled={login.isPending}>
          Log in
        </button>
        {login.error === null ? null : (
          <p className="notice bad" role="alert">
            {isStatus(login.error, 401)
              ? `Not accepted: ${by === "token" ? "the token is unknown or revoked" : "the user name or the password is wrong"}.`
              : messageFor(login.error)}
          </p>
        )}
        <p className="hint">
          The first operator&apos;s API token is in <code>.slipway/admin-token</code>; operators create
          further users.
        </p>
      </form>
    </main>
  );
}

function Fields({ by }: { readonly by: "password" | "token" }) {
  return by === "password" ? (
    <>
      <label>
        User name or email
        <input name="name" autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
    </>
  ) : (
    <label>
      API token
      <input name="token" type="password" autoComplete="off" placeholder="tk-us-…" required />
    </label>
  );
}
