// An app's variables: masked until the user shows them, with fields of several lines.

import type { VariableBody } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ComponentProps } from "react";
import { removeVariable, setVariable } from "../api/actions.ts";
import { variablesQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Action, Remove } from "../parts/action.tsx";
import { FieldForm } from "../parts/field-form.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { useApp } from "./app.tsx";

export function VariablesPage() {
  const app = useApp();
  useTitle("Variables", app);
  return (
    <>
      <FieldForm
        label="Set a variable"
        submit="Set"
        run={(field) =>
          setVariable(app, field("name").trim(), field("value"), field("scope") as VariableBody["scope"])
        }
      >
        <input
          name="name"
          aria-label="Name"
          placeholder="NAME"
          required
          autoCapitalize="characters"
          spellCheck={false}
        />
        <textarea
          name="value"
          aria-label="Value"
          placeholder="value, of one or more lines"
          rows={1}
          spellCheck={false}
        />
        <ScopeChoice name="scope" label="Scope" defaultValue="both" />
      </FieldForm>
      <p className="hint">
        Running containers keep the values they started with: restart the app to apply a change.
      </p>
      <Loaded query={useQuery(variablesQuery(app))}>
        {(variables) =>
          variables.length === 0 ? (
            <p className="empty">
              No variables. Builds and containers get those that you set here, such as DATABASE_URL.
            </p>
          ) : (
            <ul className="rows" aria-label="Variables">
              {variables.map((variable) => (
                <Variable
                  key={`${variable.id} ${variable.scope} ${variable.value}`}
                  app={app}
                  variable={variable}
                />
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}

const scopeTexts: readonly (readonly [VariableBody["scope"], string])[] = [
  ["both", "builds and containers"],
  ["build", "builds only"],
  ["run", "containers only"],
];

function ScopeChoice({
  label,
  ...rest
}: { readonly label: string } & Pick<
  ComponentProps<"select">,
  "name" | "value" | "defaultValue" | "onChange"
>) {
  return (
    <select aria-label={label} {...rest}>
      {scopeTexts.map(([scope, text]) => (
        <option key={scope} value={scope}>
          {text}
        </option>
      ))}
    </select>
  );
}

function Variable({ app, variable }: { readonly app: string; readonly variable: VariableBody }) {
  const { name, value } = variable;
  const [isShown, setIsShown] = useState(false);
  const [draft, setDraft] = useState(value);
  const [scope, setScope] = useState(variable.scope);
  return (
    <li>
      <code className="name">{name}</code>
      {isShown ? (
        <textarea
          aria-label={`Value of ${name}`}
          value={draft}
          rows={Math.min(12, draft.split("\n").length)}
          spellCheck={false}
          onChange={({ target }) => setDraft(target.value)}
        />
      ) : (
        <span className="masked">
          <span aria-hidden="true">••••••••</span>
        </span>
      )}
      <button
        type="button"
        aria-pressed={isShown}
        aria-label={`${isShown ? "Hide" : "Show"} ${name}`}
        onClick={() => setIsShown(!isShown)}
      >
        {isShown ? "Hide" : "Show"}
      </button>
      <ScopeChoice
        label={`Scope of ${name}`}
        value={scope}
        onChange={({ target }) => setScope(target.value as VariableBody["scope"])}
      />
      {draft === value && scope === variable.scope ? null : (
        <Action run={() => setVariable(app, name, draft, scope)} look="primary" label={`Save ${name}`}>
          Save
        </Action>
      )}
      <Remove name={name} run={() => removeVariable(app, variable)} />
    </li>
  );
}
