import type { OutboxEntry, OutboxStorage } from './api.js';

const STORE = 'outbox';

/** An outbox in this browser's IndexedDB, shared by all tabs of the page. */
export function indexedDbOutbox(database = 'starling'): OutboxStorage {
  let opened: Promise<IDBDatabase> | undefined;

  function open() {
    const request = indexedDB.open(database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'clientMessageId' });
    return done(request);
  }

  // Resolves when the transaction is on disk, in the order of the calls.
  async function work<Value>(mode: IDBTransactionMode, what: (store: IDBObjectStore) => IDBRequest<Value>) {
    opened ??= open();
    opened.catch(() => (opened = undefined)); // the next call tries again
    const transaction = (await opened).transaction(STORE, mode);
    const request = what(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  }

  return {
    load: () => work<OutboxEntry[]>('readonly', (store) => store.getAll()),
    async put(entry) {
      await work('readwrite', (store) => store.put(entry));
    },
    async remove(clientMessageId) {
      await work('readwrite', (store) => store.delete(clientMessageId));
    },
  };
}

function done<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
