package btctx

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/psbt"

	"coffer.internal/internal/signer/btctx/btctest"
	"coffer.internal/signing"
)

// The signer takes PSBT and BIP-143 from btcd. So it is held against @scure/btc-signer, which shares no code with btcd: it reads the
// transactions, verifies each signature over a hash that it makes by itself, and signs the same PSBT with the same key.
const judge = `
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
const require = createRequire(process.argv[2]);
const load = name => import(pathToFileURL(require.resolve(name)));
const { Transaction, Address, OutScript } = await load('@scure/btc-signer');
const { secp256k1 } = await load('@noble/curves/secp256k1.js');
const { hash160 } = await load('@scure/btc-signer/utils.js');
const nets = {
  0: { bech32: 'bc', pubKeyHash: 0x00, scriptHash: 0x05 }, 1: { bech32: 'tb', pubKeyHash: 0x6f, scriptHash: 0xc4 },
  2: { bech32: 'tb', pubKeyHash: 0x6f, scriptHash: 0xc4 }, 3: { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4 },
};
const hex = b => Buffer.from(b).toString('hex'), bytes = s => Uint8Array.from(Buffer.from(s, 'hex'));
let text = '';
for await (const chunk of process.stdin) text += chunk;
console.log(JSON.stringify(JSON.parse(text).map(c => {
  const tx = Transaction.fromRaw(bytes(c.raw), { allowUnknownOutputs: true });
  const outputs = [], inputs = [];
  for (let i = 0; i < tx.outputsLength; i++) {
    const o = tx.getOutput(i);
    outputs.push(Address(nets[c.chain]).encode(OutScript.decode(o.script)) + ' ' + o.amount);
  }
  let valid = true;
  for (let i = 0; i < tx.inputsLength; i++) {
    const { txid, index, finalScriptWitness: [signature, key], finalScriptSig } = tx.getInput(i);
    inputs.push(hex(txid) + ':' + index);
    const hash = hash160(key);
    const code = Uint8Array.from([0x76, 0xa9, 20, ...hash, 0x88, 0xac]);
    const sighash = tx.preimageWitnessV0(i, code, 1, BigInt(c.spent[i].amount));
    valid &&= hex(Uint8Array.from([0, 20, ...hash])) === c.spent[i].script && signature.at(-1) === 1 && !finalScriptSig?.length &&
      secp256k1.verify(signature.subarray(0, -1), sighash, key, { format: 'der', prehash: false, lowS: true });
  }
  const theirs = Transaction.fromPSBT(bytes(c.psbt), { allowUnknownOutputs: true });
  theirs.sign(bytes(c.key));
  theirs.finalize();
  return { outputs, inputs, valid, id: tx.id, same: hex(theirs.extract()) === c.raw };
})));
`

type judged struct {
	Outputs, Inputs []string
	Valid, Same     bool
	ID              string
}

func TestBtcSignerVerifiesOurTransactionsAndMakesTheSame(t *testing.T) {
	p := payment(t)
	var cases []btctest.Payment
	for _, to := range recipients {
		p := p
		p.To = to
		cases = append(cases, p)
	}
	for chainID, to := range map[int64]string{0: "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", 1: recipients["P2PKH"], 2: recipients["P2SH"]} {
		p := p
		p.ChainID, p.From, p.To = chainID, addressOf(t, chainID, testKey(1)), to
		cases = append(cases, p)
	}
	for n := 1; n <= 20; n++ {
		p := p
		p.Outputs, p.Amount = nil, int64(n)*99_000
		for k := range n {
			p.Outputs = append(p.Outputs, fmt.Sprint("output ", n, k))
		}
		cases = append(cases, p)
	}
	var intents []signing.Intent
	for _, c := range cases {
		intents = append(intents, c.Intent(), with(c, func(k *psbt.Packet) { spendParent(c, k); k.UnsignedTx.LockTime = 870_000 }))
	}
	var raws, hashes []string
	for _, i := range intents {
		raw, hash, err := Sign(i, testKey(1))
		if err != nil {
			t.Fatal(err)
		}
		raws, hashes = append(raws, hex.EncodeToString(raw)), append(hashes, hash)
	}
	for n, got := range askJudge(t, intents, raws) {
		i := intents[n]
		want := judged{Inputs: Inputs(i), Valid: true, Same: true, ID: hashes[n]}
		if len(got.Outputs) == 0 || got.Outputs[0] != i.BTC.To+" "+i.BTC.Amount || len(got.Outputs) > 1 && !strings.HasPrefix(got.Outputs[1], i.From+" ") {
			t.Errorf("payment %d of %s to %s pays %v", n, i.BTC.Amount, i.BTC.To, got.Outputs)
		}
		got.Outputs = nil
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("payment %d:\n got %+v\nwant %+v", n, got, want)
		}
	}
	t.Logf("@scure/btc-signer: %d transactions read, their signatures verified, and made again byte for byte", len(intents))
}

func askJudge(t *testing.T, intents []signing.Intent, raws []string) []judged {
	t.Helper()
	type spent struct {
		Script string `json:"script"`
		Amount int64  `json:"amount"`
	}
	type question struct {
		Chain int64   `json:"chain"`
		Raw   string  `json:"raw"`
		PSBT  string  `json:"psbt"`
		Key   string  `json:"key"`
		Spent []spent `json:"spent"`
	}
	var questions []question
	for n, i := range intents {
		s, why := read(i)
		if why != "" {
			t.Fatal(why)
		}
		q := question{Chain: i.ChainID, Raw: raws[n], PSBT: hex.EncodeToString(i.BTC.PSBT), Key: hex.EncodeToString(testKey(1).Serialize())}
		for _, o := range s.spent {
			q.Spent = append(q.Spent, spent{hex.EncodeToString(o.PkScript), o.Value})
		}
		questions = append(questions, q)
	}
	script := filepath.Join(t.TempDir(), "judge.mjs")
	if err := os.WriteFile(script, []byte(judge), 0o600); err != nil {
		t.Fatal(err)
	}
	input, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", script, filepath.Join(testtools(t), "package.json"))
	cmd.Stdin = strings.NewReader(string(input))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var got []judged
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(raws) {
		t.Fatalf("%d of %d, %v\n%s", len(got), len(raws), err, out)
	}
	return got
}

// testtools is the folder with npm's packages: $COFFER_TESTTOOLS, else the project's own.
func testtools(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("COFFER_TESTTOOLS")
	if dir == "" {
		dir, _ = filepath.Abs("../../../testtools")
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@scure", "btc-signer")); err != nil {
		t.Fatalf("@scure/btc-signer is not installed: make tools (%v)", err)
	}
	return dir
}
