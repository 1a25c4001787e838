import { useState } from "react";
import { Card } from "../../components/card";
import { CopyButton } from "../../components/copy-button";
import { Tabs } from "../../components/tabs";
import type { Language } from "../../lib/code-samples";
import { codeSample } from "../../lib/code-samples";
import { useIdentity } from "../shell/use-identity";

const LANGUAGES: readonly Language[] = ["curl", "Python", "TypeScript"];

/** Texts in quotes of any of the languages. */
const TEXTS = /('''[^]*?'''|'[^']*'|"(?:[^"\\\n]|\\.)*"|`[^`]*`)/;

function Coloured({ code }: { code: string }) {
  return <>{code.split(TEXTS).map((part, index) => (index % 2 === 1 ? <span key={index} className="text-code-string">{part}</span> : part))}</>;
}

/** What the form says, as a command and as code. */
export function CodeCard({ body }: { body: string }) {
  const { signOut } = useIdentity();
  const [language, setLanguage] = useState<Language>("curl");
  const code = codeSample(language, { origin: window.location.origin, body, needsKey: signOut !== null });
  return (
    <Card>
      <Tabs
        label="Language"
        tabs={LANGUAGES.map((id) => ({ id, label: id }))}
        chosen={language}
        onChoose={(id) => { setLanguage(id as Language); }}
        tools={<CopyButton name="code" words="Copy" text={code} />}
      >
        <pre tabIndex={0} aria-label={`${language} code`} className="max-h-110 overflow-auto px-4 py-3 leading-4.5"><Coloured code={code} /></pre>
      </Tabs>
    </Card>
  );
}
