import { byId, element } from "./dom.ts";

const MAX_LINES = 200;

/** What tabs have said, and what has happened to this one. */
export class MessageLog {
  readonly #list = byId("messages", HTMLElement);
  #isAtEnd = true;

  constructor() {
    this.#list.addEventListener("scroll", () => (this.#isAtEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40));
    // The newest line stays in view when the list becomes lower.
    new ResizeObserver(() => this.#toEnd()).observe(this.#list);
  }

  said(name: string, route: string, text: string, { isOwn }: { readonly isOwn: boolean }): void {
    const line = element("li");
    if (isOwn) line.dataset["own"] = "";
    const meta = element("p", "meta", `${isOwn ? "you" : name} · ${route}`);
    line.append(meta, element("p", "body", text));
    this.#add(line);
  }

  /** A line of the page itself. */
  notice(text: string, kind: "notice" | "error" = "notice"): void {
    const line = element("li", "", text);
    line.dataset["kind"] = kind;
    this.#add(line);
  }

  #add(line: HTMLElement): void {
    this.#list.append(line);
    if (this.#list.children.length > MAX_LINES) this.#list.firstElementChild?.remove();
    this.#toEnd();
  }

  /** Unless its reader has scrolled up. */
  #toEnd(): void {
    if (this.#isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }
}
