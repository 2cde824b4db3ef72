/** Commands for one's own account. */
import type { Command } from "commander";
import { answerTo, connect, type Service } from "./api";
import { action, type Context, note } from "./context";
import { Failure } from "./failure";
import { askNewPassword, askPasswords } from "./passwords";
import { administrator, type Credentials } from "./secret";
import { outputsOf, serviceUrl } from "./service";
import type { Tokens } from "./sessions";
import { localTime } from "./text";

async function signIn({ output }: Context, service: Service, credentials: Credentials): Promise<void> {
  await service.sessions.begin(await answerTo(service.open.POST("/v1/signin", { body: credentials })));
  const { login } = credentials;
  output.show({ url: service.url, login }, () => output.line(`Signed in to ${service.url} as ${login}.`));
}

/** Adds the commands. */
export function addAccountCommands(program: Command): void {
  program
    .command("signup <login>")
    .description("make an account and sign in")
    .action(
      action(async (context, _options, login: string) => {
        const service = await context.service();
        const [password = ""] = await askNewPassword();
        await answerTo(service.open.POST("/v1/signup", { body: { login, password } }));
        await signIn(context, service, { login, password });
      }),
    );

  program
    .command("signin <login>")
    .description("sign in")
    .action(
      action(async (context, _options, login: string) => {
        const service = await context.service();
        const [password = ""] = await askPasswords("Password");
        await signIn(context, service, { login, password });
      }),
    );

  program
    .command("signout")
    .description("end every session of the account, here and elsewhere")
    .action(
      action(async ({ output, service: find }) => {
        const service = await find();
        try {
          await answerTo(service.own.POST("/v1/signout"));
        } catch (error) {
          if (!(error instanceof Failure) || error.kind !== "signedOut") {
            await service.sessions.end();
            note("Signed out here. Sessions elsewhere go on: the service could not be told.");
            throw error;
          }
        }
        await service.sessions.end();
        output.show({ url: service.url }, () => output.line(`Signed out of ${service.url}.`));
      }),
    );

  program
    .command("whoami")
    .description("show the account that is signed in")
    .action(
      action(async ({ output, service: find }) => {
        const service = await find();
        const account = await answerTo(service.own.GET("/v1/account"));
        output.show(account, () =>
          output.facts({
            login: account.login,
            role: account.role,
            id: account.id,
            since: localTime(account.created_at),
            service: service.url,
          }),
        );
      }),
    );

  program
    .command("passwd")
    .description("change the password, which ends all other sessions")
    .action(
      action(async ({ output, service: find }) => {
        const service = await find();
        const [password = "", next = ""] = await askNewPassword("Present password");
        const body = { password, new_password: next };
        const answer = await answerTo(service.own.PUT("/v1/account/password", { body }));
        // Whoever sends a token gets tokens.
        await service.sessions.begin(answer as Tokens);
        output.show({ url: service.url }, () =>
          output.line("The password is changed; other sessions have ended."),
        );
      }),
    );

  program
    .command("admin")
    .description("for whoever operates a deployment")
    .command("signin")
    .description("sign in as administrator, with the secret of the stack or of the local region")
    .action(
      action(async (context) => {
        const { options } = context;
        const outputs = await outputsOf(options);
        if (!outputs)
          throw new Failure(
            "invalid",
            'No deployment is named. Give --stack NAME, or be in the folder where "npm start" is up.',
          );
        // The address is that of the same deployment, whatever the environment says: no other is to see its secret.
        const url = await serviceUrl({ url: options.url ?? outputs.serviceUrl });
        await signIn(context, connect(url), await administrator(outputs));
      }),
    );
}
