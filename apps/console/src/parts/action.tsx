// A button that runs an action of the API: it shows progress and errors, and asks for confirmation if the action cannot be undone.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { ReactNode } from "react";
import { messageFor } from "../api/client.ts";

interface ActionProps {
  readonly run: () => Promise<unknown>;
  readonly children: ReactNode;
  /** The question of the confirmation, for an action that cannot be undone. */
  readonly confirm?: string;
  readonly look?: "primary" | "danger" | "plain";
  readonly label?: string;
}

export function Action({ run, children, confirm, look = "plain", label }: ActionProps) {
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const action = useMutation({ mutationFn: run, onSuccess: () => queries.invalidateQueries() });
  const start = () => {
    setAsks(false);
    action.mutate();
  };
  if (asks) {
    return (
      <span className="asks" role="group" aria-label={confirm}>
        {confirm}{" "}
        <button type="button" className="danger" autoFocus onClick={start}>
          Yes
        </button>{" "}
        <button type="button" onClick={() => setAsks(false)}>
          No
        </button>
      </span>
    );
  }
  return (
    <span className="action">
      <button
        type="button"
        className={look}
        aria-label={label}
        disabled={action.isPending}
        onClick={() => (confirm === undefined ? start() : setAsks(true))}
      >
        {action.isPending ? "…" : children}
      </button>
      {action.error === null ? null : (
        <span className="error" role="alert">
          {messageFor(action.error)}
        </span>
      )}
    </span>
  );
}

/** Removes the named object after a confirmation. */
export function Remove({ name, run }: { readonly name: string } & Pick<ActionProps, "run">) {
  return (
    <Action run={run} confirm={`Remove ${name}?`} look="danger" label={`Remove ${name}`}>
      Remove
    </Action>
  );
}
