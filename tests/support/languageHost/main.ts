import { startLanguageHost } from "../../../tools/languageHost";

startLanguageHost(process.argv[2]).then(
  ({ port }) => console.log(port),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
