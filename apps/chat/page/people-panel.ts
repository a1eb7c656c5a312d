import type { ChatClient } from "./client.ts";
import { byId, element } from "./dom.ts";

/** Names that are remembered of people who left: what they wrote may come later. */
const MAX_NAMES = 1000;

interface Person {
  readonly id: string;
  readonly address: string;
  readonly worker?: number | undefined;
}

/** Who is here, and who each id is or was. */
export class PeoplePanel {
  readonly #client: ChatClient;
  readonly #list = byId("members", HTMLUListElement);
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #names = new Map<string, string>();
  /** Each connection has an id of its own, and messages of an earlier one are ours too. */
  readonly #ownIds = new Set<string>();

  constructor(client: ChatClient, onPick: (id: string) => void, onChange: () => void) {
    this.#client = client;
    const people = client.topic("people");
    people.on("state", (everybody) => {
      this.#forget();
      for (const person of everybody) this.#add(person);
      onChange();
    });
    people.on("joined", (person) => {
      this.#add(person);
      onChange();
    });
    people.on("left", ({ id }) => {
      this.#remove(id);
      onChange();
    });
    people.on("gone", ({ worker }) => {
      for (const [id, item] of this.#items) if (item.dataset["worker"] === String(worker)) this.#remove(id);
      onChange();
    });
    this.#list.addEventListener("click", (event) => {
      const button = (event.target as Element).closest("button");
      if (button?.dataset["id"] !== undefined) onPick(button.dataset["id"]);
    });
  }

  /** The connection is there: this is who we are on it. */
  opened(): void {
    const id = this.#client.connectionId;
    if (id === undefined) return;
    this.#ownIds.add(id);
    byId("own-id", HTMLElement).textContent = id;
  }

  /** The connection is gone, and with it what we know. */
  closed(): void {
    this.#forget();
    byId("own-id", HTMLElement).textContent = "–";
  }

  get count(): number {
    return this.#items.size;
  }

  get ownAddress(): string {
    return this.#names.get(this.#client.connectionId ?? "") ?? "";
  }

  has(id: string): boolean {
    return this.#items.has(id);
  }

  /** Whether `nameOf` is more than the id. */
  knows(id: string): boolean {
    return this.isOwn(id) || this.#names.has(id);
  }

  isOwn(id: string): boolean {
    return this.#ownIds.has(id);
  }

  nameOf(id: string): string {
    return this.isOwn(id) ? "you" : (this.#names.get(id) ?? shortId(id));
  }

  #remove(id: string): void {
    this.#items.get(id)?.remove();
    this.#items.delete(id);
  }

  #add({ id, address, worker }: Person): void {
    if (this.#items.has(id)) return;
    if (this.isOwn(id) && worker !== undefined) this.#showWorker(worker);
    const button = element("button", "", address);
    button.type = "button";
    button.dataset["id"] = button.title = id;
    const place = worker === undefined ? "" : ` · worker ${worker}`;
    button.append(element("small", "mono", `${shortId(id)}${this.isOwn(id) ? " · you" : ""}${place}`));
    const item = element("li");
    if (worker !== undefined) item.dataset["worker"] = String(worker);
    item.append(button);
    // First of all ourselves.
    if (this.isOwn(id)) this.#list.prepend(item);
    else this.#list.append(item);
    this.#items.set(id, item);
    this.#names.set(id, address);
    if (this.#names.size > MAX_NAMES) this.#names.delete(this.#names.keys().next().value!);
  }

  /** Which process this page is connected to, beside the name of the framework. */
  #showWorker(worker: number): void {
    const badge = byId("worker", HTMLElement);
    badge.hidden = false;
    badge.textContent = `worker ${worker}`;
  }

  #forget(): void {
    this.#items.clear();
    this.#list.replaceChildren();
  }
}

function shortId(id: string): string {
  return id.length > 12 ? `${id.slice(0, 8)}…` : id;
}
