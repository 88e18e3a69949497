// A small form that adds or changes an object: its fields, one button, and the API's error.

import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { messageFor } from "../api/client.ts";
import { formText } from "./form-text.ts";

interface FieldFormProps {
  readonly label: string;
  readonly submit: string;
  /** Called with a function that returns a field's text by its name. */
  readonly run: (field: (name: string) => string) => Promise<unknown>;
  /** "inline" adds something: its fields are in a row, and are emptied afterwards. "stacked" shows what is stored. */
  readonly look?: "inline" | "stacked";
  readonly children: ReactNode;
}

export function FieldForm({ label, submit, run, look = "inline", children }: FieldFormProps) {
  const queries = useQueryClient();
  const adding = useMutation({
    mutationFn: (form: HTMLFormElement) => run((name) => formText(form, name)),
    onSuccess: async (_answer, form) => {
      if (look === "inline") form.reset();
      await queries.invalidateQueries();
    },
  });
  return (
    <form
      className={look}
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        adding.mutate(event.currentTarget);
      }}
    >
      {children}
      <button type="submit" className="primary" disabled={adding.isPending}>
        {submit}
      </button>
      {adding.error === null ? null : (
        <span className="error" role="alert">
          {messageFor(adding.error)}
        </span>
      )}
    </form>
  );
}
