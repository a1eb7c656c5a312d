import { byId, element, StickyScroll } from "./dom.ts";

const MAX_ENTRIES = 500;
/** A message whose answer comes sooner never looks as if it had to wait. */
const PATIENCE_MS = 400;

export type EntryKind = "own" | "client" | "direct" | "room" | "server" | "system" | "notice" | "binary" | "error";

/** The parts of an entry that may change later. */
export interface Entry {
  readonly who: HTMLElement;
  readonly body: HTMLElement;
}

/** A message of ours that the server has not confirmed. */
export interface Unconfirmed {
  /** It is delivered, and shown where it belongs: away with it. */
  delivered(): void;
  failed(why: string): void;
}

/** The list of messages. What has not been sent stays at its end. */
export class MessageLog {
  readonly #list = byId("messages", HTMLOListElement);
  readonly #clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
  readonly #jump = byId("jump", HTMLButtonElement);
  readonly #scroll = new StickyScroll(this.#list, (isAtEnd) => (this.#jump.hidden = isAtEnd));

  constructor() {
    this.#jump.addEventListener("click", () => {
      this.#scroll.toEnd();
      this.#list.focus();
    });
  }

  add(kind: EntryKind, who: string, body: string, { isOwn = false }: { readonly isOwn?: boolean } = {}): Entry {
    const item = this.#entry(kind, who, body);
    if (isOwn) item.dataset["own"] = "";
    this.#put(item);
    return { who: item.querySelector(".who") as HTMLElement, body: item.lastElementChild as HTMLElement };
  }

  /** A clock that ticks all day gets one line. */
  addTime(time: string): void {
    const last = this.#list.lastElementChild;
    if (!(last instanceof HTMLElement) || last.dataset["kind"] !== "server") {
      this.add("server", "server", time);
      return;
    }
    this.#scroll.keep();
    last.lastElementChild!.textContent = time;
    last.dataset["count"] = String(Number(last.dataset["count"] ?? 1) + 1);
  }

  /** A message of ours on its way. It is shown when it has to wait: at once when there is no connection. */
  addUnconfirmed(who: string, body: string, { isOnline }: { readonly isOnline: boolean }): Unconfirmed {
    const item = this.#entry("own", `${who} · waiting to be sent`, body);
    item.dataset["waiting"] = "";
    const show = (): void => {
      this.#scroll.keep();
      this.#list.append(item);
    };
    const timer = setTimeout(show, isOnline ? PATIENCE_MS : 0);
    const remove = (): void => {
      clearTimeout(timer);
      this.#scroll.keep();
      item.remove();
    };
    return {
      delivered: remove,
      failed: (why) => {
        remove();
        this.add("error", `${who} · not sent: ${why}`, body);
      },
    };
  }

  #put(item: HTMLElement): void {
    this.#scroll.keep();
    this.#list.insertBefore(item, this.#list.querySelector(":scope > [data-waiting]"));
    while (this.#list.childElementCount > MAX_ENTRIES) this.#list.firstElementChild?.remove();
  }

  #entry(kind: EntryKind, who: string, body: string): HTMLLIElement {
    const item = element("li");
    item.dataset["kind"] = kind;
    // Not worth reading aloud.
    if (kind === "server") item.setAttribute("aria-live", "off");
    const meta = element("p", "meta");
    meta.append(element("span", "who", who), element("time", "", this.#clock.format()));
    item.append(meta, element("p", "body", body));
    return item;
  }
}
