import { createHub, type Hub } from "@upwire/core";
import { createChatHandler } from "./chat-handler.ts";
import type { Demo } from "./demo.ts";
import { echo, echoOptions } from "./echo.ts";
import { escapeHtml, loadPage } from "./page.ts";
import { realTime, startTimeBroadcast, type Ticker } from "./time-broadcast.ts";

export interface ChatOptions {
  /** Shared by all servers whose clients are to chat with one another. Default: a new one. */
  readonly hub?: Hub;
  /** Replaces real time in tests. */
  readonly ticker?: Ticker;
}

/** The demo. It tells its clients the time until `stop()`. */
export function createChat({ hub = createHub(), ticker = realTime }: ChatOptions = {}): Demo {
  const broadcast = startTimeBroadcast(hub, ticker);
  return {
    hub,
    chat: createChatHandler(hub),
    echo,
    echoOptions,
    chatPage: (framework) => loadPage("chat.html", { "{{framework}}": escapeHtml(framework) }),
    echoPage: loadPage("echo.html"),
    stop: () => broadcast.cancel(),
  };
}
