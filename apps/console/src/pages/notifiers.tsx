// An app's notifiers, with their latest deliveries.

import type { NotifierBody } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { addNotifier, removeNotifier, testNotifier } from "../api/actions.ts";
import { deliveriesQuery, notifiersQuery } from "../api/queries.ts";
import { useTitle } from "../layout/title.ts";
import { Action, Remove } from "../parts/action.tsx";
import { FieldForm } from "../parts/field-form.tsx";
import { Loaded } from "../parts/loaded.tsx";
import { Status } from "../parts/status.tsx";
import { Ago } from "../parts/time.tsx";
import { useApp } from "./app.tsx";

export function NotifiersPage() {
  const app = useApp();
  useTitle("Notifiers", app);
  return (
    <>
      <AddWebhook app={app} />
      <AddGitHub app={app} />
      <Loaded query={useQuery(notifiersQuery(app))}>
        {(notifiers) =>
          notifiers.length === 0 ? (
            <p className="empty">
              No notifiers. A webhook receives a request when a deployment begins, succeeds or fails; GitHub
              shows the outcome beside the commit.
            </p>
          ) : (
            <ul className="rows" aria-label="Notifiers">
              {notifiers.map((notifier) => (
                <Notifier key={notifier.id} app={app} notifier={notifier} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  );
}

function AddWebhook({ app }: { readonly app: string }) {
  const [added, setAdded] = useState<NotifierBody | null>(null);
  const secret = added?.type_data.secret;
  return (
    <>
      <FieldForm
        label="Add a webhook"
        submit="Add webhook"
        run={async (field) => {
          const data = { webhook_url: field("url").trim() };
          const name = field("name").trim();
          setAdded(await addNotifier(app, { platform_id: "webhook", name, type_data: data }));
        }}
      >
        <input name="name" aria-label="Name" placeholder="name" required />
        <input name="url" type="url" aria-label="URL" placeholder="https://example.com/hook" required />
      </FieldForm>
      {secret === undefined ? null : (
        <p className="notice" role="status">
          {added?.name} signs its requests with the secret <code>{secret}</code>. Store it now: it is not
          shown again.
        </p>
      )}
    </>
  );
}

/** For apps that are deployed from GitHub's archives, whose URLs contain the commit. */
function AddGitHub({ app }: { readonly app: string }) {
  return (
    <FieldForm
      label="Report to GitHub"
      submit="Add GitHub"
      run={(field) =>
        addNotifier(app, {
          platform_id: "github",
          name: field("name").trim(),
          type_data: { token: field("token").trim() },
        })
      }
    >
      <input name="name" aria-label="Name of the GitHub notifier" placeholder="name" required />
      <input
        name="token"
        type="password"
        autoComplete="off"
        aria-label="GitHub token that may set commit statuses"
        placeholder="token for commit statuses"
        required
      />
    </FieldForm>
  );
}

function Notifier({ app, notifier }: { readonly app: string; readonly notifier: NotifierBody }) {
  const { id, name, type, type_data: data } = notifier;
  return (
    <li>
      <strong className="name">{name}</strong>
      <span className="grow">
        {type === "github" ? "GitHub commit statuses" : `${type} ${data.webhook_url ?? ""}`}
        <details>
          <summary>Deliveries</summary>
          <Deliveries app={app} id={id} />
        </details>
      </span>
      <Action run={() => testNotifier(app, id)} label={`Test ${name}`}>
        Test
      </Action>
      <Remove name={name} run={() => removeNotifier(app, id)} />
    </li>
  );
}

function Deliveries({ app, id }: { readonly app: string; readonly id: string }) {
  return (
    <Loaded query={useQuery(deliveriesQuery(app, id))}>
      {(deliveries) => (
        <ul>
          {deliveries.length === 0 ? <li>None yet: press Test.</li> : null}
          {deliveries.map(({ id: delivery, event, state, created_at: at, attempts }) => (
            <li key={delivery}>
              <Status status={state} /> {event} <Ago at={at} />{" "}
              {attempts.at(-1)?.error ?? attempts.at(-1)?.status ?? ""}
            </li>
          ))}
        </ul>
      )}
    </Loaded>
  );
}
