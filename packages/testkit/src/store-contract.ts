// The contract suite of the store port: what every database behind it has to do, said in tests.

import { afterAll, beforeAll, describe } from "vitest";
import type { Store } from "@slipway/core";
import { appsContract } from "./store-contract/apps.ts";
import { collaboratorsContract } from "./store-contract/collaborators.ts";
import { deploymentListsContract } from "./store-contract/deployment-lists.ts";
import { deploymentsContract } from "./store-contract/deployments.ts";
import { logsContract } from "./store-contract/logs.ts";
import { operationsContract } from "./store-contract/operations.ts";
import { notifiersContract } from "./store-contract/notifiers.ts";
import { releasesContract } from "./store-contract/releases.ts";
import { sharingContract } from "./store-contract/sharing.ts";
import { sourcesContract } from "./store-contract/sources.ts";
import { usersContract } from "./store-contract/users.ts";
import { variablesContract } from "./store-contract/variables.ts";
import type { StoreUnderTest } from "./store-contract/under-test.ts";

/** Somewhere a store's data lies. Disposing it removes the data. */
export interface StoreContractContext extends AsyncDisposable {
  /** A further connection to the same data; who opens it disposes it. */
  readonly open: () => Promise<Store>;
}

/**
 * Runs the suite.
 * @param name the adapter's. @param newPlace makes an empty place, once.
 */
export function storeContract(name: string, newPlace: () => Promise<StoreContractContext>): void {
  describe(`${name} keeps the store's contract`, () => {
    const opened = new AsyncDisposableStack();
    let stores: { place: StoreContractContext; store: Store; other: Store };
    beforeAll(async () => {
      const place = opened.use(await newPlace());
      stores = { place, store: opened.use(await place.open()), other: opened.use(await place.open()) };
    });
    afterAll(() => opened.disposeAsync());

    const underTest: StoreUnderTest = {
      store: () => stores.store,
      other: () => stores.other,
      open: () => stores.place.open(),
    };
    usersContract(underTest);
    appsContract(underTest);
    collaboratorsContract(underTest);
    variablesContract(underTest);
    sourcesContract(underTest);
    deploymentsContract(underTest);
    deploymentListsContract(underTest);
    releasesContract(underTest);
    operationsContract(underTest);
    logsContract(underTest);
    notifiersContract(underTest);
    sharingContract(underTest);
  });
}
