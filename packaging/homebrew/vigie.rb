# The formula of a Homebrew tap. fill.sh replaces the placeholders; the release workflow publishes the result as vigie.rb.
class Vigie < Formula
  desc "Synthetic prober for Gradio chatbots"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/vigie-@VERSION@-macos-arm64.tar.gz"
      sha256 "@SHA256_macos-arm64@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/vigie-@VERSION@-macos-x86_64.tar.gz"
      sha256 "@SHA256_macos-x86_64@"
    end
  end

  on_linux do
    on_arm do
      url "@REPOSITORY@/releases/download/v@VERSION@/vigie-@VERSION@-linux-arm64.tar.gz"
      sha256 "@SHA256_linux-arm64@"
    end
    on_intel do
      url "@REPOSITORY@/releases/download/v@VERSION@/vigie-@VERSION@-linux-x86_64.tar.gz"
      sha256 "@SHA256_linux-x86_64@"
    end
  end

  def install
    bin.install "vigie"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/vigie.bash" => "vigie"
    zsh_completion.install "completions/_vigie"
    fish_completion.install "completions/vigie.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/vigie --version")
  end
end
