// The contract suite of the store port: tests that every adapter must pass.

import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "@slipway/core";
import { appsContract } from "./store-contract/apps.ts";
import { collaboratorsContract } from "./store-contract/collaborators.ts";
import { deploymentAdmissionContract } from "./store-contract/deployment-admission.ts";
import { deploymentListsContract } from "./store-contract/deployment-lists.ts";
import { deploymentsContract } from "./store-contract/deployments.ts";
import { logsContract } from "./store-contract/logs.ts";
import { operationsContract } from "./store-contract/operations.ts";
import { notifiersContract } from "./store-contract/notifiers.ts";
import { quotasContract } from "./store-contract/quotas.ts";
import { receiptKeysContract, receiptsContract } from "./store-contract/receipts.ts";
import { releasesContract } from "./store-contract/releases.ts";
import { sharingContract } from "./store-contract/sharing.ts";
import { sourcesContract } from "./store-contract/sources.ts";
import { usersContract } from "./store-contract/users.ts";
import { variablesContract } from "./store-contract/variables.ts";
import type { StoreUnderTest } from "./store-contract/under-test.ts";

/** The location of a store's data. Disposing it removes the data. */
export interface StoreContractContext extends AsyncDisposable {
  /** Opens another connection to the same data; the caller disposes it. */
  readonly open: () => Promise<Store>;
}

/**
 * Runs the suite.
 * @param name the adapter's name. @param newContext provides an empty location; called once.
 */
export function storeContract(name: string, newContext: () => Promise<StoreContractContext>): void {
  describe(`${name} fulfills the store's contract`, () => {
    const opened = new AsyncDisposableStack();
    let stores: { context: StoreContractContext; store: Store; other: Store };
    beforeAll(async () => {
      const context = opened.use(await newContext());
      stores = { context, store: opened.use(await context.open()), other: opened.use(await context.open()) };
    });
    afterAll(() => opened.disposeAsync());

    const underTest: StoreUnderTest = {
      store: () => stores.store,
      other: () => stores.other,
      open: () => stores.context.open(),
    };
    usersContract(underTest);
    appsContract(underTest);
    collaboratorsContract(underTest);
    variablesContract(underTest);
    sourcesContract(underTest);
    deploymentsContract(underTest);
    deploymentAdmissionContract(underTest);
    deploymentListsContract(underTest);
    releasesContract(underTest);
    receiptsContract(underTest);
    receiptKeysContract(underTest);
    operationsContract(underTest);
    logsContract(underTest);
    notifiersContract(underTest);
    sharingContract(underTest);
    quotasContract(underTest);
  });
}
