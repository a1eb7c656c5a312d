import { createChatRealtime, type WorkerOptions } from "./chat-realtime.ts";
import type { Demo } from "./demo.ts";
import { echo } from "./echo.ts";
import { escapeHtml, loadPage, pageScript } from "./page.ts";
import { realTime, startTimeBroadcast, type Ticker } from "./time-broadcast.ts";

export interface ChatOptions {
  /** By which names browsers may reach it. Default: all. */
  readonly allowedHosts?: readonly string[] | undefined;
  /** What `save()` of an earlier one gave. Default: nothing is known. */
  readonly restore?: Uint8Array | undefined;
  /** One of several processes that are one chat. @default there is this one alone */
  readonly worker?: WorkerOptions | undefined;
  /** Replaces real time in tests. */
  readonly ticker?: Ticker;
}

/**
 * The demo. It tells its clients the time until `stop()`. All servers that get its handler share its clients.
 * @throws TypeError for a `restore` that `save()` did not give.
 */
export function createChat({ allowedHosts, restore, worker, ticker = realTime }: ChatOptions = {}): Demo {
  const chat = createChatRealtime({ restore, worker });
  const broadcast = startTimeBroadcast((time) => chat.tellTime(time), ticker);
  return {
    chat: chat.handler,
    chatOptions: allowedHosts === undefined ? {} : { allowedHosts },
    echo,
    chatPage: (framework) => loadPage("chat.html", { "{{framework}}": escapeHtml(framework), "{{script}}": pageScript() }),
    echoPage: loadPage("echo.html"),
    realtime: chat.realtime,
    save: () => chat.save(),
    stop() {
      broadcast.cancel();
      return chat.stop();
    },
  };
}
