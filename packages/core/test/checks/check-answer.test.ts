import { MAX_RETRY_AFTER_MS, type HandshakeCheck } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import { checkAnswer } from "../../src/checks/check-answer.ts";
import { refusals, type RefusalCode } from "../../src/base/errors.ts";
import { Refusal, refusal, refuse, type RefusalStatus } from "../../src/checks/refusal.ts";

function told(refused: Refusal): HandshakeCheck {
  return JSON.parse(checkAnswer(refused, undefined).body) as HandshakeCheck;
}

describe("the answer to what a handshake would be answered", () => {
  it("says of every refusal what its table says", () => {
    const words = { true: "yes", false: "no", later: "later" };
    for (const [code, { status, retry }] of Object.entries(refusals)) {
      expect(told(refusal(code as RefusalCode))).toMatchObject({ ok: false, status, code, retry: words[String(retry) as "true"] });
    }
  });

  it("says of other statuses of authorize whether another try may help", () => {
    const retries: Readonly<Partial<Record<RefusalStatus, string>>> = {
      402: "no",
      404: "no",
      408: "yes",
      425: "yes",
      429: "later",
      500: "yes",
      502: "yes",
      503: "later",
    };
    for (const [status, retry] of Object.entries(retries))
      expect(told(refuse(Number(status) as RefusalStatus))).toMatchObject({ status: Number(status), retry });
  });

  it("tells the time of Retry-After in milliseconds, at most an hour, and nothing for what is no time", () => {
    const after = (value: string): HandshakeCheck => told(refuse(403, "", { "Retry-After": value }));
    expect(after("0")).toMatchObject({ retry: "later", retryAfterMs: 0 });
    expect(after("90")).toMatchObject({ retry: "later", retryAfterMs: 90_000 });
    expect(after("999999999")).toMatchObject({ retryAfterMs: MAX_RETRY_AFTER_MS });
    expect(after("Wed, 21 Oct 2015 07:28:00 GMT")).toMatchObject({ retry: "later", retryAfterMs: 0 });
    expect(after("Fri, 31 Dec 9999 23:59:59 GMT")).toMatchObject({ retryAfterMs: MAX_RETRY_AFTER_MS });
    for (const value of ["", "soon", "-1", "1.5", "5 apples"]) expect(after(value)).toEqual({ ok: false, status: 403, code: "ERR_FORBIDDEN", retry: "no" });
  });

  it("says 500 in place of a refusal that could not be written", () => {
    expect(told(new Refusal("ERR_FORBIDDEN", 99, ""))).toEqual({ ok: false, status: 500, code: "ERR_CHECK_FAILED", retry: "yes" });
  });
});
