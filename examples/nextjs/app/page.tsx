import { sendGreeting } from "@/app/actions";

export default function Page() {
  return (
    <form action={sendGreeting}>
      <label>
        Your e-mail <input name="email" type="email" required />
      </label>
      <button>Greet me in a minute</button>
    </form>
  );
}
