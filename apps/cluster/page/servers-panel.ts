import type { Action, ServerStatus, Status } from "../src/contract.ts";
import { byId, element } from "./dom.ts";

/** Tabs that a card names; those beyond it are a number. */
const MAX_CHIPS = 5;

const LABELS = { drain: "Drain", kill: "kill -9", start: "Start again" } as const;
const TITLES = {
  drain: "SIGTERM: closes its clients with 1012, tells each when to reconnect, and ends",
  kill: "SIGKILL: ends at once, and tells nothing to its clients",
  start: "Starts it again: new connections go to the server with the fewest",
} as const;

interface CardOptions {
  readonly isOwn: boolean;
  /** The last server that runs stays. */
  readonly isLast: boolean;
  readonly tabs: Status["tabs"];
}

/** A card for each server: its state, the tabs that are on it, and what may be done with it. */
export class ServersPanel {
  readonly #list = byId("servers", HTMLElement);
  readonly #broker = byId("broker", HTMLElement);
  readonly #ownName: string;
  readonly #onAction: (action: Action, server: number) => void;
  #status: Status | undefined;
  #isConnected = false;

  constructor(ownName: string, onAction: (action: Action, server: number) => void) {
    this.#ownName = ownName;
    this.#onAction = onAction;
  }

  show(status: Status): void {
    this.#status = status;
    this.#isConnected = true;
    this.#render();
  }

  /** What is shown is old from here on, and no server can be asked for anything. */
  disconnected(): void {
    this.#isConnected = false;
    this.#render();
  }

  #render(): void {
    if (this.#status === undefined) return;
    const { server, servers, broker, tabs, missing } = this.#status;
    const silent = missing.length > 0 ? ` · ${missing.length} did not answer` : "";
    this.#broker.dataset["state"] = !this.#isConnected ? "unknown" : missing.length > 0 && broker.state === "up" ? "degraded" : broker.state;
    this.#broker.textContent = this.#isConnected ? `${broker.kind} broker ${broker.state} · ${broker.nodes} ${broker.nodes === 1 ? "node" : "nodes"}${silent}` : "";
    const running = servers.filter(({ state }) => state === "running").length;
    const cards = servers.map((one) => this.#card(one, { isOwn: one.number === server.number, isLast: running < 2 && one.state === "running", tabs }));
    if (servers.length === 0) cards.push(...this.#cardsByTabs(server, tabs));
    const focused = this.#list.contains(document.activeElement) ? document.activeElement?.id : undefined;
    this.#list.toggleAttribute("data-old", !this.#isConnected);
    this.#list.replaceChildren(...cards);
    if (focused) this.#focus(focused);
  }

  /** A button that has the focus keeps it, or another one of its server gets it. */
  #focus(id: string): void {
    const same = document.getElementById(id);
    const other = this.#list.querySelector<HTMLElement>(`button[data-server="${id.split("-").at(-1)}"]`);
    (same ?? other)?.focus();
  }

  /** Without a launcher only the tab's own server is known by its number; the others show by the tabs that they have. */
  #cardsByTabs(server: Status["server"], tabs: Status["tabs"]): HTMLElement[] {
    const own = tabs.find(({ name }) => name === this.#ownName)?.node;
    const others = [...new Set(tabs.map(({ node }) => node))].filter((node) => node !== own);
    const card = this.#card({ ...server, port: 0, state: "running", node: own }, { isOwn: true, isLast: true, tabs });
    return [card, ...others.map((node) => this.#otherCard(node, tabs))];
  }

  #otherCard(node: string, tabs: Status["tabs"]): HTMLElement {
    const card = element("li", "server");
    card.dataset["state"] = "running";
    const names = tabs.filter((tab) => tab.node === node).map(({ name }) => name);
    card.append(element("h2", "", "Another server"), element("p", "state", "running"), element("p", "place mono", `node ${node}`), this.#chips(names));
    return card;
  }

  #card(server: ServerStatus, { isOwn, isLast, tabs }: CardOptions): HTMLElement {
    const { number, framework, port, pid, node, state } = server;
    const card = element("li", "server");
    card.dataset["state"] = state;
    if (isOwn) card.dataset["own"] = "";
    const title = element("h2", "", `Server ${number} `);
    title.append(element("span", "badge", framework));
    const place = port === 0 ? "" : `:${port}${pid === undefined ? "" : ` · pid ${pid}`}`;
    const words = isOwn ? (this.#isConnected ? `${state}, this tab is here` : "this tab was here") : state;
    const buttons = element("p", "row");
    if (port !== 0) {
      if (state === "stopped") buttons.append(this.#button("start", number));
      else buttons.append(this.#button("drain", number, state !== "running" || isLast), this.#button("kill", number, state === "starting" || isLast));
    }
    const names = node === undefined ? [] : tabs.filter((tab) => tab.node === node).map(({ name }) => name);
    card.append(title, element("p", "state", words), element("p", "place mono", place), this.#chips(names), buttons);
    return card;
  }

  /** The tab's own first, then the first of the others. */
  #chips(names: readonly string[]): HTMLElement {
    const list = element("ul", "tabs");
    list.setAttribute("aria-label", "Tabs");
    const ordered = names.toSorted((a, b) => Number(b === this.#ownName) - Number(a === this.#ownName));
    for (const name of ordered.slice(0, MAX_CHIPS)) list.append(element("li", name === this.#ownName ? "own" : "", name));
    if (ordered.length > MAX_CHIPS) list.append(element("li", "", `+${ordered.length - MAX_CHIPS}`));
    return list;
  }

  #button(action: Action, server: number, isRefused = false): HTMLButtonElement {
    const button = element("button", "", LABELS[action]);
    const isDisabled = isRefused || !this.#isConnected;
    button.type = "button";
    button.id = `${action}-${server}`;
    button.title = TITLES[action];
    button.dataset["server"] = String(server);
    // Not `disabled`, which would take the focus away from under a keyboard.
    button.setAttribute("aria-disabled", String(isDisabled));
    button.setAttribute("aria-label", `${button.textContent} server ${server}`);
    button.addEventListener("click", () => {
      if (!isDisabled) this.#onAction(action, server);
    });
    return button;
  }
}
