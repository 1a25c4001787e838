import { Link } from "@tanstack/react-router";
import { SearchX } from "lucide-react";
import { buttonClass } from "../components/button";
import { Message } from "../components/message";
import { PageFrame } from "./shell/page-frame";

export function NotFoundPage() {
  return (
    <PageFrame title="Not found">
      <Message
        icon={SearchX}
        title="There is no page at this address"
        actions={
          <Link to="/" className={buttonClass()}>
            Overview
          </Link>
        }
      />
    </PageFrame>
  );
}
