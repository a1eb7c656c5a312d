import type { Action, ServerStatus, Status } from "../src/contract.ts";
import { byId, element } from "./dom.ts";

/** A card for each server: its state, the tabs that are on it, and what may be done with it. */
export class ServersPanel {
  readonly #list = byId("servers", HTMLElement);
  readonly #broker = byId("broker", HTMLElement);
  readonly #ownName: string;
  readonly #onAction: (action: Action, server: number) => void;

  constructor(ownName: string, onAction: (action: Action, server: number) => void) {
    this.#ownName = ownName;
    this.#onAction = onAction;
  }

  show({ server, servers, broker, tabs, missing }: Status): void {
    this.#broker.dataset["state"] = broker.state;
    this.#broker.textContent = `${broker.kind} broker ${broker.state}, ${broker.nodes} ${broker.nodes === 1 ? "node" : "nodes"}${missing.length > 0 ? `, ${missing.length} did not answer` : ""}`;
    const running = servers.filter(({ state }) => state === "running").length;
    const cards = servers.map((one) => this.#card(one, { isOwn: one.number === server.number, isLast: running < 2 && one.state === "running", tabs }));
    // Without a launcher only the tab's own server is known by name.
    if (cards.length === 0) cards.push(this.#card({ ...server, port: 0, state: "running" }, { isOwn: true, isLast: true, tabs: [] }));
    // A button that has the focus keeps it.
    const focused = document.activeElement?.id ?? "";
    this.#list.replaceChildren(...cards);
    if (focused) document.getElementById(focused)?.focus();
  }

  #card(server: ServerStatus, { isOwn, isLast, tabs }: { readonly isOwn: boolean; readonly isLast: boolean; readonly tabs: Status["tabs"] }): HTMLElement {
    const { number, framework, port, pid, node, state } = server;
    const card = element("li", "server");
    card.dataset["state"] = state;
    if (isOwn) card.dataset["own"] = "";
    const title = element("h2", "", `Server ${number} `);
    title.append(element("span", "badge", framework));
    const place = port === 0 ? "" : `:${port}${pid === undefined ? "" : ` · pid ${pid}`}`;
    const here = element("ul", "tabs");
    for (const tab of tabs) {
      if (tab.node !== node || node === undefined) continue;
      const chip = element("li", tab.name === this.#ownName ? "own" : "", tab.name);
      here.append(chip);
    }
    const buttons = element("p", "row");
    if (port !== 0) {
      if (state === "stopped") buttons.append(this.#button("start", number));
      else buttons.append(this.#button("drain", number, state !== "running" || isLast), this.#button("kill", number, state === "starting" || isLast));
    }
    card.append(title, element("p", "state", `${state}${isOwn ? ", this tab is here" : ""}`), element("p", "place mono", place), here, buttons);
    return card;
  }

  #button(action: Action, server: number, isDisabled = false): HTMLButtonElement {
    const button = element("button", "", { drain: "Drain", kill: "kill -9", start: "Start again" }[action]);
    button.type = "button";
    button.id = `${action}-${server}`;
    button.disabled = isDisabled;
    button.setAttribute("aria-label", `${button.textContent} server ${server}`);
    button.addEventListener("click", () => this.#onAction(action, server));
    return button;
  }
}
