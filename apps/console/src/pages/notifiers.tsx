// An app's notifiers, with their latest deliveries.

import type { NotifierBody } from "@slipway/protocol";
import { useQuery } from "@tanstack/react-query";
import { addWebhook, removeNotifier, testNotifier } from "../api/actions.ts";
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
      <FieldForm
        label="Add a webhook"
        submit="Add webhook"
        run={(field) => addWebhook(app, field("name").trim(), field("url").trim())}
      >
        <input name="name" aria-label="Name" placeholder="name" required />
        <input name="url" type="url" aria-label="URL" placeholder="https://example.com/hook" required />
      </FieldForm>
      <Loaded query={useQuery(notifiersQuery(app))}>
        {(notifiers) =>
          notifiers.length === 0 ? (
            <p className="empty">
              No notifiers. A webhook receives a request when a deployment begins, succeeds or fails.
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

function Notifier({ app, notifier }: { readonly app: string; readonly notifier: NotifierBody }) {
  const { id, name, type, type_data: data } = notifier;
  return (
    <li>
      <strong className="name">{name}</strong>
      <span className="grow">
        {type} {data.webhook_url ?? ""}
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
