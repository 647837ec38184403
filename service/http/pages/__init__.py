"""What all pages share: how one is made, its layout, its assets, its errors."""
