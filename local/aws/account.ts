import type { Invokes } from "../engine/handler";
import { ACCOUNT_ID } from "./naming";

/** Data sources about who runs the program. */
export function accountInvokes(): Invokes {
  return {
    "aws:index/getCallerIdentity:getCallerIdentity": () =>
      Promise.resolve({
        id: ACCOUNT_ID,
        accountId: ACCOUNT_ID,
        arn: `arn:aws:iam::${ACCOUNT_ID}:user/local`,
        userId: "AIDALOCALREGION000000",
      }),
  };
}
