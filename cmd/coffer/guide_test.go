package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"coffer.internal/internal/store/postgres/pgtest"
)

const (
	guide        = "../../docs/guide.md"
	chineseGuide = "../../docs/guide.zh-CN.md"
)

// guideStep is what a command of the guide must come to: its exit code, the wallets that are new or changed, and the audit rows
// that it wrote. Both are read by plain SQL.
type guideStep struct {
	command string
	exit    int
	wallets []string // chain type and id, address by its name, wallet type, nonce, is_active, who has the key
	audit   []string // action, result, subject
}

// guideSteps has one for every command of docs/guide.md, in its order.
var guideSteps = []guideStep{
	{command: "coffer init"},
	{command: "coffer-signer init --passphrase-file passphrase"},
	{command: "coffer-signer serve --passphrase-file passphrase &"},
	{command: "coffer help"},
	{command: "coffer create-hot 1 evm --ref payouts-1",
		wallets: []string{"evm 1 HOT hot 0 active signer"}, audit: []string{"wallet.create done evm 1 HOT"}},
	{command: "coffer create-internal $SAFE 1 evm multisig",
		wallets: []string{"evm 1 SAFE multisig 0 active elsewhere"}, audit: []string{"wallet.create done evm 1 SAFE"}},
	{command: "coffer create-batch --example"},
	{command: "coffer create-batch wallets.csv",
		wallets: []string{
			"evm 1 HOT2 hot 0 active signer", "evm 56 BSC hot 0 active signer", "btc 0 BTC hot 0 active signer",
			"solana 101 SOL hot 0 active signer", "evm 1 COLD cold 0 active elsewhere", "evm 1 VAULT vault 0 active elsewhere"},
		audit: []string{
			"wallet.create done evm 1 HOT2", "wallet.create done evm 56 BSC", "wallet.create done btc 0 BTC",
			"wallet.create done solana 101 SOL", "wallet.create done evm 1 COLD", "wallet.create done evm 1 VAULT"}},
	{command: "coffer list"},
	{command: "coffer list 1 --wallet-type multisig"},
	{command: "coffer deactivate $SAFE 1",
		wallets: []string{"evm 1 SAFE multisig 0 inactive elsewhere"}, audit: []string{"wallet.deactivate done evm 1 SAFE"}},
	{command: "coffer activate $SAFE 1",
		wallets: []string{"evm 1 SAFE multisig 0 active elsewhere"}, audit: []string{"wallet.activate done evm 1 SAFE"}},
	{command: "coffer sync $SAFE 1 100",
		wallets: []string{"evm 1 SAFE multisig 100 active elsewhere"}, audit: []string{"wallet.sync done evm 1 SAFE"}},
	{command: "coffer run &"},
	{command: "coffer withdraw --chain-id 1 --to 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed --amount 1.25 --request withdrawal-4711 --wait final",
		wallets: []string{"evm 1 HOT hot 1 active signer"},
		audit: []string{"attempt.ask done evm:1 1 intent", "attempt.send done evm:1 1 transaction", "attempt.sign done evm:1 1 signature",
			"attempt.track done evm:1 1 transaction", "nonce.reserve done withdrawal-4711", "withdrawal.accept done withdrawal-4711",
			"withdrawal.end done withdrawal-4711"}},
	{command: "coffer tx show withdrawal-4711"},
	{command: "coffer nonce reserve --best 1 evm --request order-17",
		wallets: []string{"evm 1 HOT2 hot 1 active signer"}, audit: []string{"nonce.reserve done order-17"}},
	{command: "coffer nonce reserve $SAFE 1 --request safe-transfer-3",
		wallets: []string{"evm 1 SAFE multisig 101 active elsewhere"}, audit: []string{"nonce.reserve done safe-transfer-3"}},
	{command: "coffer nonce sent $SAFE 1 100 0x5c504ed432cb51138bcf09aa5e8a410dd4a1e204ef84bfed1be16dfba1b22060 --fence 1",
		audit: []string{"nonce.sent done evm 1 SAFE"}},
	{command: "coffer health $SAFE 1 100"},
	{command: "coffer health $SAFE 1", exit: 2},
	{command: "coffer health", exit: 2},
	{command: "coffer cache-status"},
	{command: "coffer clear-cache", audit: []string{"cache.clear done cache"}},
	{command: "coffer batch-sync nonces.json --dry-run"},
	{command: "coffer batch-sync nonces.json",
		wallets: []string{"evm 1 SAFE multisig 120 active elsewhere", "evm 1 COLD cold 7 active elsewhere"},
		audit:   []string{"wallet.sync done evm 1 SAFE", "wallet.sync done evm 1 COLD"}},
	{command: "coffer sync --all --from-chain 1"},
	{command: "coffer audit list"},
	{command: "coffer audit list --action wallet.sync"},
	{command: "coffer sync $SAFE 1 120"},
	{command: "coffer sync $SAFE 1 --from-chain"},
	{command: "coffer sync $SAFE 1 100", exit: 4, audit: []string{"wallet.sync refused evm 1 SAFE"}},
	{command: "coffer info $HOT 1"},
	{command: "coffer info $SAFE 1"},
	{command: "coffer activate $SAFE 1"},
	{command: "coffer clear-cache", audit: []string{"cache.clear done cache"}},
}

// Every command of the guide does what the guide says, in its order, on both databases: what it prints, the rows it changes,
// the audit rows it writes, and with --json the same document on both.
func TestEveryCommandOfTheGuideIsRunAndDoesWhatItSays(t *testing.T) {
	page := readGuide(t, guide)
	var want []string
	for _, s := range guideSteps {
		want = append(want, s.command)
	}
	if diff := cmp.Diff(want, page.texts()); diff != "" {
		t.Fatalf("the commands of %s and the steps of this test (-steps +page):\n%s", guide, diff)
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) { runGuide(t, page, dsn(t, database), false) })
	}
	documents := map[string][]string{}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database+" --json", func(t *testing.T) { documents[database] = runGuide(t, page, dsn(t, database), true) })
	}
	if diff := cmp.Diff(documents["sqlite"], documents["postgres"]); diff != "" {
		t.Errorf("the documents differ (-sqlite +postgres):\n%s", diff)
	}
}

func dsn(t *testing.T, database string) string {
	if database == "postgres" {
		return pgtest.DSN(t)
	}
	return "" // the default
}

func runGuide(t *testing.T, page guidePage, db string, asJSON bool) (documents []string) {
	w := newGuideWorld(t, page, db)
	for i, step := range guideSteps {
		if step.command == "coffer run &" {
			w.startNode()
		}
		out, exit := w.run(step.command, asJSON)
		if exit != step.exit {
			t.Fatalf("$ %s\nexit %d, want %d\n%s", step.command, exit, step.exit, out)
		}
		if !asJSON {
			for _, line := range page.commands[i].output {
				if !shows(out, line) {
					t.Errorf("$ %s\ndoes not print\n%s\nbut\n%s", step.command, line, out)
				}
			}
		}
		if step.command == "coffer init" {
			w.openDatabase()
		}
		w.compare(step)
		if asJSON && strings.HasPrefix(step.command, "coffer ") {
			documents = append(documents, w.scrub(out))
		}
	}
	return documents
}

// The Chinese guide gives the same commands and files, in the same order.
func TestTheChineseGuideHasTheSameCommands(t *testing.T) {
	english, chinese := readGuide(t, guide), readGuide(t, chineseGuide)
	if diff := cmp.Diff(english.texts(), chinese.texts()); diff != "" {
		t.Errorf("-english +chinese:\n%s", diff)
	}
	if diff := cmp.Diff(english.files, chinese.files); diff != "" {
		t.Errorf("-english +chinese:\n%s", diff)
	}
	if diff := cmp.Diff(english.code["go"], chinese.code["go"]); diff != "" {
		t.Errorf("-english +chinese:\n%s", diff)
	}
}

// The guide's Go code stands, line by line, in an example that runs.
func TestTheGuidesGoCodeIsThatOfAnExample(t *testing.T) {
	example, err := os.ReadFile("../../example_guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := readGuide(t, guide).code["go"]
	if len(code) == 0 {
		t.Fatal("no Go code in the guide")
	}
	for _, block := range code {
		if !strings.Contains(unindented(string(example)), unindented(block)) {
			t.Errorf("not in example_guide_test.go:\n%s", block)
		}
	}
}

func unindented(code string) string {
	lines := strings.Split(code, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}

func TestHelpHasEveryVerbOfTheGuide(t *testing.T) {
	root := (&app{}).root()
	var verbs []string
	for _, c := range root.Commands() {
		verbs = append(verbs, c.Name())
	}
	for _, verb := range []string{"create-hot", "create-internal", "create-batch", "list", "activate", "sync", "health", "cache-status",
		"clear-cache", "batch-sync", "info"} {
		if !slices.Contains(verbs, verb) {
			t.Errorf("coffer has no %s", verb)
		}
	}
}

// usersGuide is what the user's own guide names: its commands, calls and columns.
var usersGuide = []string{
	"internalWalletManager.ts help", "`create-hot 1 evm`", "`create-internal 0x1234... 1 evm multisig`", "createHotWallets.ts", "`list`",
	"`activate 0x1234... 1`", "`sync 0x1234... 1 100`", "`health 0x1234... 1 100`", "`info 0x1234... 1`", "`cache-status`", "`clear-cache`",
	"`batch-sync nonces.json`", "hotWalletManager.ts",
	"manager.createHotWallet(", "manager.createInternalWallet(", "manager.getInternalWallets(1)", "manager.syncNonce('0x1234...', 1, 100)",
	"selectOptimalHotWallet", "getNextNonceWithRetry", "signerService.signTransaction",
	"| id |", "| address |", "| device |", "| path |", "| chain_type |", "| chain_id |", "| wallet_type |", "| nonce |", "| is_active |",
	"| created_at |", "| updated_at |",
}

func TestBothGuidesNameEverythingThatTheUsersGuideNames(t *testing.T) {
	for _, path := range []string{guide, chineseGuide} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range usersGuide {
			if !strings.Contains(string(text), name) {
				t.Errorf("%s does not name %s", path, name)
			}
		}
	}
}
