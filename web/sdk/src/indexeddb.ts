import type { OutboxEntry, OutboxStorage } from './api.js';

const STORE = 'outbox';

/** An outbox in this browser's IndexedDB, shared by all tabs of the page. */
export function indexedDbOutbox(database = 'starling'): OutboxStorage {
  let opened: Promise<IDBDatabase> | undefined;

  function open() {
    const request = indexedDB.open(database, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'clientMessageId' });
    return answerOf(request);
  }

  // Transactions that write run in the order of the calls.
  async function work<Value>(what: (store: IDBObjectStore) => IDBRequest<Value>) {
    const transaction = (await (opened ??= open())).transaction(STORE, 'readwrite');
    return answerOf(what(transaction.objectStore(STORE)));
  }

  return {
    load: () => work<OutboxEntry[]>((store) => store.getAll()),
    put: (entry) => work((store) => store.put(entry)),
    remove: (clientMessageId) => work((store) => store.delete(clientMessageId)),
  };
}

function answerOf<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
