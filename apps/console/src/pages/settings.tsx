// An app's settings: its builder, its stack, and the policy for deployments that are created while another one runs.

import type { AppBody, AppChanges } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { ReactNode } from "react";
import { changeApp } from "../api/actions.ts";
import { appQuery, stacksQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { FieldForm } from "../parts/field-form.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { useApp } from "./app.tsx";

const builderTexts: Readonly<Record<AppBody["builder"], string>> = {
  auto: "auto: the source decides",
  buildpacks: "buildpacks: Heroku's and Scalingo's kind",
  cnb: "cnb: Cloud Native Buildpacks",
  dockerfile: "dockerfile: the app's Dockerfile",
};
const policyTexts: Readonly<Record<AppBody["concurrency_policy"], string>> = {
  queue: "queue: it waits for its turn",
  supersede: "supersede: it replaces those that wait",
  reject: "reject: it is refused",
};

export function SettingsPage() {
  const name = useApp();
  useTitle("Settings", name);
  return (
    <Loaded query={useQuery(appQuery(name))}>
      {(app) => (
        // After a change, the fields show the stored values again.
        <SettingsForm
          key={[app.builder, app.builder_image, app.stack_id, app.concurrency_policy].join(" ")}
          app={app}
        />
      )}
    </Loaded>
  );
}

function SettingsForm({ app }: { readonly app: AppBody }) {
  const [builder, setBuilder] = useState(app.builder);
  const save = async (field: (name: string) => string) => {
    const image = field("image").trim();
    const wanted: Required<AppChanges> = {
      builder,
      builder_image: builder === "cnb" ? (image === "" ? null : image) : app.builder_image,
      stack_id: field("stack"),
      concurrency_policy: field("policy") as AppBody["concurrency_policy"],
    };
    // Only what differs: an unchanged setting may have been changed by another client, or name a stack that is gone.
    const keys = (Object.keys(wanted) as (keyof AppChanges)[]).filter((key) => wanted[key] !== app[key]);
    if (keys.length > 0) await changeApp(app.name, Object.fromEntries(keys.map((key) => [key, wanted[key]])));
  };
  return (
    <FieldForm label="Change the settings" submit="Save" look="stacked" run={save}>
      <Field label="Builder">
        {(id) => (
          <select
            id={id}
            value={builder}
            onChange={({ target }) => setBuilder(target.value as AppBody["builder"])}
          >
            <Options texts={builderTexts} />
          </select>
        )}
      </Field>
      {builder === "cnb" ? (
        <Field label="Builder image">
          {(id) => (
            <>
              <input
                id={id}
                name="image"
                defaultValue={app.builder_image ?? ""}
                placeholder="heroku/builder:24"
                spellCheck={false}
                aria-describedby={`${id}-hint`}
              />
              <p className="hint" id={`${id}-hint`}>
                Empty for the builder of the app&rsquo;s project.toml, or of the operator.
              </p>
            </>
          )}
        </Field>
      ) : null}
      <Field label="Stack">
        {(id) => (
          <select id={id} name="stack" defaultValue={app.stack_id}>
            <StackOptions stack={app.stack_id} />
          </select>
        )}
      </Field>
      <Field label="A deployment that is created while another one runs">
        {(id) => (
          <select id={id} name="policy" defaultValue={app.concurrency_policy}>
            <Options texts={policyTexts} />
          </select>
        )}
      </Field>
      <p className="hint">A change applies from the next deployment on.</p>
    </FieldForm>
  );
}

interface FieldProps {
  readonly label: string;
  /** @param id the id of the field that the label names. */
  readonly children: (id: string) => ReactNode;
}

function Field({ label, children }: FieldProps) {
  const id = useId();
  return (
    <div>
      <label htmlFor={id}>{label}</label>
      {children(id)}
    </div>
  );
}

function Options({ texts }: { readonly texts: Readonly<Record<string, string>> }) {
  return Object.entries(texts).map(([value, text]) => (
    <option key={value} value={value}>
      {text}
    </option>
  ));
}

/** Until the stacks are loaded, or if loading fails, the app's own stack is the only choice. */
function StackOptions({ stack }: { readonly stack: string }) {
  const { data: stacks = [] } = useQuery(stacksQuery);
  const names = new Map(stacks.map((one) => [one.id, `${one.name}${one.default ? " (default)" : ""}`]));
  return <Options texts={Object.fromEntries([[stack, stack], ...names])} />;
}
