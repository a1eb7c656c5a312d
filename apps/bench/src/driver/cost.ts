import type { Figures } from "./job.ts";
import type { CpuTimes } from "./server-process.ts";

/** CPU that both processes had used at one moment. */
export interface Usage {
  readonly server: CpuTimes;
  readonly driverUs: number;
}

type Cost = Required<Pick<Figures, "cpuUs" | "userUs" | "perSecond" | "serverShare" | "driverShare">>;

/** What each of `count` deliveries or connections took of the server. */
export function costOf(before: Usage, after: Usage, count: number, seconds: number): Cost {
  return {
    cpuUs: (after.server.totalUs - before.server.totalUs) / count,
    userUs: (after.server.userUs - before.server.userUs) / count,
    perSecond: count / seconds,
    ...sharesOf(before, after, seconds),
  };
}

export function sharesOf(before: Usage, after: Usage, seconds: number): Pick<Figures, "serverShare" | "driverShare"> {
  return {
    serverShare: (after.server.totalUs - before.server.totalUs) / 1e6 / seconds,
    driverShare: (after.driverUs - before.driverUs) / 1e6 / seconds,
  };
}
