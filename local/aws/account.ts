import type { Invokes } from "../engine/handler";
import { accountId } from "./naming";

/** Data sources about who runs the program. */
export function accountInvokes(): Invokes {
  return {
    "aws:index/getCallerIdentity:getCallerIdentity": () =>
      Promise.resolve({
        id: accountId,
        accountId: accountId,
        arn: `arn:aws:iam::${accountId}:user/local`,
        userId: "AIDALOCALREGION000000",
      }),
  };
}
